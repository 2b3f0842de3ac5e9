/* BCC cannot look up names of numbers, search long strings, find per-CPU variables or print to the trace pipe in a probe: its C has no place for what they need */
