"""A detector for folders of pictures, and its report for people: one page, with heat maps and a chart."""
