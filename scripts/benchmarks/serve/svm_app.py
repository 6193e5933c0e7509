"""What one would write around a pipeline of scikit-learn that joblib has stored, whose path is in PEER."""

from __future__ import annotations

import os

import joblib
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = joblib.load(os.environ["PEER"])


class Texts(BaseModel):
    texts: list[str]


@app.post("/v1/classify")
def classify(body: Texts) -> dict[str, list[str]]:
    return {"labels": model.predict(body.texts).tolist()}
