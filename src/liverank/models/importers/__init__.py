"""Readers of models that LightGBM, CatBoost and XGBoost saved as text or JSON."""
