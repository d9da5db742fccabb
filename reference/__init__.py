"""What is known about places and rules: gazetteer, resolver, dated grades, sites, units, credentials. Pure."""
