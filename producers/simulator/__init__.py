"""A seeded day of arrivals after the project's figures, played through the HTTP gateway: `simulate(plan, gateway, tokens,
sending)`.
"""
