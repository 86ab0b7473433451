"""Windows on a lab: many with faults (endurance), and how late the last session ends after each (delay)."""
