"""Questions an analyst asks, answered as frames."""
