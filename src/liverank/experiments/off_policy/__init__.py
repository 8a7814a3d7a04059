"""Off-policy estimates: a policy's reward, from lists that another one served randomly."""
