"""The pages in a real browser (Chromium), against a whole stack of their own."""
