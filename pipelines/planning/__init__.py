"""What a build will give and take, foretold from a sample of its corpus."""
