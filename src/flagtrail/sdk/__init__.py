"""What an application installs: evaluation in process that never fails, kept in step with the server."""
