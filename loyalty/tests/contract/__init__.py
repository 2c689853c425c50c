"""What we rely on of RedRoomRewards, over HTTP: against a server that the environment names, else the stand-in.

`RRR_CONTRACT_BASE_URL` with the variables in `conftest.py` runs them, unchanged, against a server of RedRoomRewards.
"""
