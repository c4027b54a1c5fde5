"""Profiles: the limits of certifications and standards, as files that anybody may edit."""
