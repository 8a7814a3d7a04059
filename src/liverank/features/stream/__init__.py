"""Events as arrays, in the order in which feature state folds them."""
