"""Pictures of a model, and the page that shows all of them; what they show is computed in the rooms below."""
