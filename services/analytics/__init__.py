"""Analytics: what happened, counted once: totals, indicators, the league of towns."""
