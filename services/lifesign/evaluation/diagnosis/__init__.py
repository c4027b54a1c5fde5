"""What a training run or an evaluation tells: causes with the numbers that prove them."""
