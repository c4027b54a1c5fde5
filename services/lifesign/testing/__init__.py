"""Public fakes and generators for tests of code that uses Lifesign."""
