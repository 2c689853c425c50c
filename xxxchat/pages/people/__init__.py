"""Pages of one's own account before and around signing in: sign-up, links from mails, the second factor."""
