"""What is known of experiments and jobs, in words: said alike by the terminal and the page."""
