"""The part of DRTriton that must be Python because Python is its subject: users' modules, Triton's compiler, timing."""
