"""The report of a training run: one self-contained HTML page and a model card in Markdown."""
