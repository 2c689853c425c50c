"""The studio: what a performer sees of her queue, and her commands."""
