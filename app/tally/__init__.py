"""What happened to deliveries, counted in memory and written down every few seconds."""
