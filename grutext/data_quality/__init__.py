"""What is wrong with labelled data: findings in texts and labels, and likely label errors."""
