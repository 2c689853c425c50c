"""What breaks while money moves: connections, workers, the database server. Each on servers of the test's own."""
