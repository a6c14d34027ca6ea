"""The pages at `/`: what the API answers, for people, in HTML that works without JavaScript."""
