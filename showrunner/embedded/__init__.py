"""What the demo brings instead of servers: a broker and a schema registry on loopback, inside one process."""
