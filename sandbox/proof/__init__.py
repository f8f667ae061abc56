"""What a move must show, looked at from outside: by exec, by the APIs, by DNS. Nothing here asks Lifeboat."""
