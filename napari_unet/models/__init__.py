"""What a trained network is on disk: a folder with card.json and weights.safetensors."""
