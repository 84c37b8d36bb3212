"""Looking into a network on one image: its maps, what it sees, and what it draws if it is altered."""
