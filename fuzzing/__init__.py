"""Coverage-guided fuzzing of what reads bytes from outside: `make fuzz`. Each target is a module, `targets` lists them."""
