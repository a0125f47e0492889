"""What a plan script is made of: typed configurations and tasks, their identity and documents."""
