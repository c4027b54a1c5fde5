"""The rules: each looks at the evidence for one kind of cause and yields what it can prove."""
