"""What is publicly known of images, tools and libraries: small tables, each with one question to ask."""
