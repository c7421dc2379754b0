"""What follows from what a customer did: rules, the engine that computes them, and what is in force."""
