"""What a served model of any make takes and answers, and how Lifesign speaks with it."""
