"""What a customer may buy next: products and categories, from their own history and everybody's."""
