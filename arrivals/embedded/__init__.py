"""Real servers run without containers: each subpackage starts one of them on this machine."""
