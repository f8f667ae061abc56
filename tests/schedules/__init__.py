"""Random schedules of the real lease, fence, way back and point of no return, over ports in memory."""
