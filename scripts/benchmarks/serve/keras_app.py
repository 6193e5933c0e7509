"""What one would write around a Keras model of text, whose path is in PEER: `predict` for each request."""

from __future__ import annotations

import os

from fastapi import FastAPI
from pydantic import BaseModel

from grutext.engines.keras.backend import keras, tf

app = FastAPI()
model = keras.models.load_model(os.environ["PEER"])


class Texts(BaseModel):
    texts: list[str]


@app.post("/v1/classify")
def classify(body: Texts) -> dict[str, list[int]]:
    return {"labels": model.predict(tf.constant(body.texts), verbose=0).argmax(axis=1).tolist()}
