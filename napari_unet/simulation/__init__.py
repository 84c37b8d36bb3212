"""How much work fine-tuning saves: an annotator who is simulated, case after case."""
