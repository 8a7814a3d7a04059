"""What a policy would do, estimated from lists that another policy served with known chances."""
