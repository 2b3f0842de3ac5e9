/* BCC cannot read an aggregation inside a probe: it has no per-CPU lookup */
