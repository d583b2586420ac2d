"""Results in the paper's own form: tables, sheets, bars, cards, and a page that plays every method side by side."""
