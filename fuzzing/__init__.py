"""Coverage-guided fuzzing of what reads bytes from outside: `make fuzz`. A module a target; `targets` lists them."""
