"""User rank (Sec. 4.1, App. B.3): people rank the videos that several methods made of a case, without knowing whose."""
