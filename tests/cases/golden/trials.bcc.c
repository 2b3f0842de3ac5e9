/* BCC cannot run a for loop: its programs have no callback functions */
