"""The log, the statistics, and the reasons for which sessions end."""
