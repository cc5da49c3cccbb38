"""The running model: loading, layout by proof, capture, generation. The only floor that touches a user's model."""
