"""StoryWorld: drawn clips whose true story is known, so that a story can be judged and not only looked at."""
