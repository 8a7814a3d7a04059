"""Planning an experiment: which effects it can see, with how many users, in how many days."""
