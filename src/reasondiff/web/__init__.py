"""What every server of ReasonDiff stands on, the study of raters as well as the API: a database, a guard, pages."""
