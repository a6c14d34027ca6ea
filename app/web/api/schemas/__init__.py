"""What the API takes and gives, as types: what checks it and what describes it are made of them."""
